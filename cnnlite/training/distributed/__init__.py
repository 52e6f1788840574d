"""Batches in shards, on one process or several.  Imports point down this list:

shards      each shard's passes, and their sums
lockstep    shards that run together, for layers that look at all of them
joining     which processes there are, and what they must have in common
watching    what tells which rank was killed
ranks       several processes, which talk by MPI
alone       one process
flat        many arrays in one, summed over the shards
"""
