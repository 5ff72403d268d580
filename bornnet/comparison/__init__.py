"""Learned terms against exact ones, order by order: the numbers behind tables, figures and reports, and the
verdict in words. May import: runs and below.
"""
