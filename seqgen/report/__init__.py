"""Run folders -> pictures and pages; reads files only and needs no torch."""

from seqgen.report.comparison import write_comparison
from seqgen.report.run_report import write_report
from seqgen.report.warnings import found

__all__ = ["found", "write_comparison", "write_report"]
