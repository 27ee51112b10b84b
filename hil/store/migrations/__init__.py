"""How the tables came to be what they are: alembic's revisions, one file each."""
