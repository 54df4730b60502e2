"""Each Python process that a guarded server starts has this folder on its path, whether or not it has perso on it."""
