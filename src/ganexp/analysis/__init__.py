"""Analyses of trained generators and discriminators, one analysis per file."""
