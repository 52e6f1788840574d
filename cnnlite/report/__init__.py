"""What people look at after a training: its history as a table, its curves as a picture."""
