"""Random layers in other programs, beside ours."""
