"""The record: trainings on CIFAR-10 and what they reach, one line each, and the page made of them.

lines.py      what a line says, and the table that has them
folders.py    what a finished run folder says
flops.py      the multiplications and additions of a training
running.py    a training for each seed, as a process that is timed
__main__.py   the command
"""
