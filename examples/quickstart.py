"""The script of the README: a network of one's own, trained and measured in twenty lines."""

import cnnlite
from cnnlite import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Solver
from cnnlite.data import RandomCropFlip
from cnnlite.schedules import Cosine

data = cnnlite.data.load()  # CIFAR-10 if it is on this machine, else the embedded data set
print(data.name, data["X_train"].shape, data["X_train"].dtype)

model = Sequential(
    Conv2d(3, 32, 3, padding=1), BatchNorm2d(32), ReLU(), MaxPool2d(2),
    Conv2d(32, 64, 3, padding=1), BatchNorm2d(64), ReLU(), MaxPool2d(2),
    Flatten(), Linear(64 * 8 * 8, 10),
)  # fmt: skip
print(model.summary((3, 32, 32)))

solver = Solver(model, data, schedule=Cosine(), augment=RandomCropFlip(), num_epochs=5)
solver.train()
print(f"test accuracy {solver.check_accuracy(data['X_test'], data['y_test']):.2%}")
