"""A module per framework, each imported only where its guard is used."""
