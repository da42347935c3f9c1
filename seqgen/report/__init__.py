"""Run folders -> pictures and pages; reads files only and needs no torch."""
