"""Figures and the report: everything that is drawn or set as a page. May import: comparison and below."""
