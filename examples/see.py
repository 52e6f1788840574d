"""Looking inside a network while it learns.

Each cell ends with something to look at: a notebook shows it as a table, a picture or a figure. The
figures need the extra `see`; everything runs offline, on the embedded data set, in a minute.
"""

from cnnlite import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Solver
from cnnlite.data import embedded
from cnnlite.gradcheck import check_layer
from cnnlite.report import show
from cnnlite.schedules import Cosine

# ## The data
#
# Ten classes of drawn pictures. The sheet has the first images of each.

data = embedded(num_train=1000, num_validation=200, num_test=200)
data

# ## The network
#
# A model shows its layers and their arrays; its summary also what each layer gives, multiplies, and
# keeps in memory until its backward pass.

model = Sequential(
    Conv2d(3, 8, 3, padding=1, rng=0), BatchNorm2d(8), ReLU(), MaxPool2d(2),
    Conv2d(8, 16, 3, padding=1, rng=1), BatchNorm2d(16), ReLU(), MaxPool2d(2),
    Flatten(), Linear(16 * 8 * 8, 10, rng=2),
)  # fmt: skip
model

model.summary((3, 32, 32))

# ## What forward keeps
#
# Caches are explicit. `forward` returns what `backward` needs, and here it is, step by step: open
# one to see its fields and what they are for. Backward takes the list apart as it goes.

images = data.normalization.apply(data["X_train"][:4])
scores, cache = model.forward(images)
cache

# ## Is backward the derivative of forward?

check_layer(Conv2d(2, 3, 3, stride=2, rng=0), (2, 2, 7, 7))

# ## Training
#
# One output that changes: the bar, and a table of the epochs. `train` returns the history.

solver = Solver(model, data, schedule=Cosine(), num_epochs=6, batch_size=50)
history = solver.train()

# ## The figures of the report
#
# They are those of `cnnlite report` and of the live page. Point at them, zoom in, click on a name.

show("curves", solver)

# Where does the time go, and the memory?

show("costs", solver)

# What does it take for what? Orange cells are mistakes.

show("confusion", solver, classes=data.classes)

show("recall", solver, classes=data.classes)

show("confidence", solver)

# ## Inside
#
# The first layer's filters, as colours; and what its activation gives for an image.

show("filters", solver)

show("maps", solver, layer="2", image=3)

# How a number was computed: the patch that the layer saw, times its kernel, summed, plus the bias.
# This is the largest number of the second convolution; `place=(channel, row, column)` asks for
# another.

show("pixel", solver, layer="4", image=3)

# Where do the last maps speak for the class, and what does covering a place cost?

show("grad_cam", solver, image=3, classes=data.classes)

show("occlusion", solver, image=3, classes=data.classes)

# The mistakes that it is most sure of:

show("mistakes", solver, classes=data.classes)
