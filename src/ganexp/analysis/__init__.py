"""Analyses of trained generators and discriminators, one analysis a file."""
