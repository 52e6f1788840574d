"""The processes that share a training.  Imports point down this list:

joining     which there are
failing     how one that fails ends the others
waiting     what ends all where one has ended before all have joined
ranks       several processes, which talk by MPI
watching    what tells which one was killed
alone       one process
flat        many arrays in one, summed over the shards
"""
