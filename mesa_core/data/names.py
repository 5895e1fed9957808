"""Class names of the data that the program knows. Needs no torch."""

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIGNS = (
    "stop",
    "give way",
    "no entry",
    "priority road",
    "speed limit 30",
    "speed limit 50",
    "speed limit 80",
    "turn right",
    "roundabout",
    "pedestrian crossing",
)
