"""What is learnt: pairs for each split, and how outputs are judged; no torch."""

from regard.registry import Registry

TASKS = Registry(
    "task",
    {
        "files": "regard.tasks.configs:FilesConfig",
        "phrasebook": "regard.tasks.configs:PhrasebookConfig",
        "copy": "regard.tasks.configs:CopyConfig",
        "reverse": "regard.tasks.configs:ReverseConfig",
        "sort": "regard.tasks.configs:SortConfig",
    },
    plugins=True,
)
