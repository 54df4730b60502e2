"""This folder is on the path of every Python process that a guarded server starts, even if perso itself is not."""
