"""What is done at fixed times: timetables, the jobs of Grace, and the part that says when each is due."""
