"""What learns: pure numpy, one algorithm a file, no input or output."""
