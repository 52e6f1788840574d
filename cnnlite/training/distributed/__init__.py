"""The processes that share a training.  Imports point down this list:

joining     which there are
watching    what tells which one was killed
ranks       several processes, which talk by MPI
alone       one process
flat        many arrays in one, summed over the shards
"""
