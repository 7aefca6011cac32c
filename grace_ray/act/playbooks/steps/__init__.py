"""The kinds of steps that a playbook may have, one file each."""
