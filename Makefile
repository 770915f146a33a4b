# `make train` and `make test` are all that is needed; both start from a bare Python >= 3.10.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# Where MNIST/ and cifar10_jpg.zip lie, for what follows `lint`.
DATA   ?= ../shared/data
# What the runs of `make ablation` share: one core each, and D sees images as they are.
ABLATION := --set seeds='[0, 1, 2]' --set set='{train.threads: 1, augment: null}'

.PHONY: train test test-slow lint docs extractors starter gallery ablation clean
.DEFAULT_GOAL := train

train: $(VENV)/.installed        ## train on the bundled digits and leave a grid of samples
	$(BIN)/acgan train

test: $(VENV)/.installed-dev lint  ## every check but the slow ones
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "acgan needs Python 3.10 or newer; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

docs: $(VENV)/.installed-dev       ## these pages as a site, in site/; no network is needed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

extractors: $(VENV)/.installed     ## train the fixed extractors and put them into the package (an hour and a half)
	$(BIN)/acgan classify train digits --run-dir runs/extractors/digits
	$(BIN)/acgan classify train mnist --data mnist:$(DATA) --run-dir runs/extractors/mnist
	$(BIN)/acgan classify train cifar10 --data $(DATA)/cifar10_jpg.zip --run-dir runs/extractors/cifar10_jpg
	for name in digits mnist cifar10_jpg; do \
	  $(BIN)/python benchmarks/ship_extractor.py $$name runs/extractors/$$name || exit 1; done

starter: $(VENV)/.installed        ## train the networks that few images start from, and put them into the package (an hour)
	$(BIN)/acgan train benchmarks/starter.yaml --data $(DATA)/cifar10_jpg.zip --run-dir runs/starter
	$(BIN)/python benchmarks/ship_starter.py runs/starter

gallery: $(VENV)/.installed        ## train the recipes and the failures, and remake samples/ and the tables of docs/gallery.md (nine hours)
	$(BIN)/acgan train digits --run-dir runs/gallery/digits
	$(BIN)/acgan train mnist --data mnist:$(DATA) --run-dir runs/gallery/mnist
	$(BIN)/acgan train cifar10 --data $(DATA)/cifar10_jpg.zip --run-dir runs/gallery/cifar10
	$(BIN)/acgan train plain-cifar10 --data $(DATA)/cifar10_jpg.zip --run-dir runs/gallery/plain-cifar10 --set train.threads=1
	test -e runs/gallery/three || $(BIN)/python benchmarks/few_images.py $(DATA)/cifar10_jpg.zip runs/gallery/three
	$(BIN)/acgan train --data runs/gallery/three --run-dir runs/gallery/folder
	$(BIN)/acgan train --data runs/gallery/three --run-dir runs/gallery/folder-random --set model.starter=false
	$(BIN)/python benchmarks/gallery.py add runs/gallery/digits --cas
	for name in mnist cifar10; do \
	  $(BIN)/python benchmarks/gallery.py add runs/gallery/$$name || exit 1; done
	$(BIN)/python benchmarks/gallery.py add runs/gallery/plain-cifar10 --failure "one image a class, whatever the latents"
	for name in folder folder-random; do \
	  $(BIN)/python benchmarks/gallery.py add runs/gallery/$$name --extractor cifar10_jpg --cas || exit 1; done
	$(BIN)/acgan train plain-cifar10 --data mnist:$(DATA) --run-dir runs/gallery/plain-mnist --set data.mirror=false \
	  --set evaluate.extractor=mnist --set train.total_nimg=80000
	$(BIN)/python benchmarks/gallery.py add runs/gallery/plain-mnist --which last \
	  --failure "one image a class, whatever the latents; six of ten are not the digit asked for: D, whose class head learns from generated images too, and G agree on a code of their own"
	$(BIN)/acgan train cifar10 --data $(DATA)/cifar10_jpg.zip --run-dir runs/gallery/cross-entropy-cifar10 \
	  --set loss.classification.kind=cross_entropy --set augment=null --set train.total_nimg=120000
	$(BIN)/python benchmarks/gallery.py add runs/gallery/cross-entropy-cifar10 --which last \
	  --failure "most classes have one scene, a little varied: with cross-entropy in place of ADC, and without shifts, G pleases the class head so"
	$(BIN)/python benchmarks/gallery.py table

ablation: $(VENV)/.installed       ## compare the ways to tell classes apart, three seeds each (four hours)
	$(BIN)/acgan sweep family --out runs/ablation/mnist --set recipe=mnist --set data=mnist:$(DATA) \
	  --set budget.minutes=4 $(ABLATION)
	$(BIN)/acgan sweep family --out runs/ablation/cifar10 --set recipe=cifar10 --set data=$(DATA)/cifar10_jpg.zip \
	  --set budget.minutes=5 $(ABLATION)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
