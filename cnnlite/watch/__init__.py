"""The live page: a training that is looked at and steered from a browser on the same computer.

live       the callback `Live`, which starts a server with a training and stops it
folder     a run folder, looked at only
steered    a training of this process, as its page sees it
server     the server: a page, its state, and a web socket
board      the page's sections, made anew when there is something new to see
place      one section's place: what it shows, and of what that was made
budget     how often that may be
guard      who may ask: the token, `Host` and `Origin`
commands   what a page may ask for, as messages
address    ports, tokens, and the file in a run folder that tells the address
needs      what must be installed
"""

from cnnlite.watch.live import Live

__all__ = ["Live"]
