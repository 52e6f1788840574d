"""The training loop and its parts.  Imports point down this list:

solver          the training loop, readable on one screen
trials          what is tried and put back: one step, and learning rates from low to high
lr_find         what the losses of these rates say
rehearsal       one image through all parts before the first step
parts           what a training is made with: the arguments, and what is done with the data
shards          batches in shards: the passes of each, summed up
one_shard       one of them: its passes, and what they give
lockstep        shards that run together, for layers that look at all of them
averaging       averaged weights in the model's place, and batch-norm's statistics made anew
callbacks/      what is called around epochs and steps: progress, profiler, early stopping ...
probing         what a network makes of some images: maps, statistics, gradients
kept_sheet      a kept epoch as a picture
kept            what is kept of an epoch to be looked at, and its file
checkpoint      a training on disk, always whole
contents        what is in a checkpoint: arrays and plain values, and back
callback_state  what callbacks want to keep in it
record          what a training is made of, as plain values
state           what a training is at a moment: all that callbacks and checkpoints know of it
control         what someone asks of it while it runs: pause, step, resume, another rate, stop
history         its rows, and their table in a notebook
splits          the images and labels, checked
arguments       the other arguments, checked
evaluation      scores, predictions and accuracy, batch by batch
interruption    how a training ends before its time: divergence, a request, a signal
distributed/    the processes that share a training
"""
