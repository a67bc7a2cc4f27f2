"""Settings: `production`, which the environment fills in, and `development`, on the files of one folder."""
