"""Networks: their architectures, weights, training, images, devices, and what a stamp changes in them."""
