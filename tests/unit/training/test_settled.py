"""Standing statistics of a GAN in training."""

import torch
from loop_helpers import gan as make_gan

