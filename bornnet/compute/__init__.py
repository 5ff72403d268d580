"""Where a computation runs: devices and threads, what fits in memory, local processes and Dask clusters that
take tasks, and processes that fit one network together. May import: errors, the version.
"""
