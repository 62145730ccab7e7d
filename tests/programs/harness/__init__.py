"""What the program tests, the demo and the benchmarks drive servers with.

Every server is started on free loopback ports in folders of its own, is ready when its condition holds (never after a
sleep), and is stopped by the id of the process that was started here.
"""
