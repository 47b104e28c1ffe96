# The only command surface. Bare `make` prints it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
JARS := $(VENV)/share/s3a-jars
ENV ?= local
STATE ?= build/local-aws

##@ On one machine
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ /           {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## /  {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## The main job from RAW files to decisions: make demo [DATA=dir]
	@tools/prerequisites.sh >/dev/null
	@$(PYTHON) -m local run --fresh --state build/demo/state -- env BUILD_DIR=build/demo/state $(PYTHON) -m demo $(if $(DATA),--data "$(DATA)")

dataset: $(READY) ## A data set in the RAW contract: make dataset NAME= OUT= [SOURCE= SIZE= LOANS= SEED= START= DAYS=]
	@$(PYTHON) -m datasets NAME=$(NAME) OUT=$(OUT) SOURCE=$(SOURCE) SIZE=$(SIZE) LOANS=$(LOANS) SEED=$(SEED) START=$(START) DAYS=$(DAYS)

local-up: $(READY) ## Local AWS on port 4566, kept running
	@$(PYTHON) -m local up --detach --port 4566 --state $(STATE)

local-down: $(READY) ## Stop it
	@$(PYTHON) -m local down --state $(STATE)

##@ Proof
test: $(READY) ## Every test: make test [BACKEND=localstack]
	@tools/prerequisites.sh >/dev/null
	@BACKEND=$(or $(BACKEND),embedded) $(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: $(READY) ## The platform beside its peers: make bench [ROWS=5000000] [ONLY=features|lake|serving|doors] [LONG=1]
	@$(PYTHON) -m bench --rows $(or $(ROWS),5000000) $(addprefix --only ,$(ONLY)) $(if $(LONG),--long)

quality: $(READY) ## Scores on a set in the RAW contract: make quality FRAUD=dir START=2018-05-20 FOLDS=4, or CREDIT=dir
	@OMP_WAIT_POLICY=passive $(PYTHON) -m tools.quality "FRAUD=$(FRAUD)" "CREDIT=$(CREDIT)" "START=$(START)" "FOLDS=$(FOLDS)"

check: $(READY) ## Format, lint, types, import contracts, Terraform, generated pages
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@PYTHONPATH=.:lambda $(VENV)/bin/lint-imports
	@$(PYTHON) -m tools.terraform check
	@$(PYTHON) -m datasets.describe | diff - docs/datasets.md || { echo "docs/datasets.md is old: make docs" >&2; exit 1; }
	@$(PYTHON) -m features.describe | diff - docs/features.md || { echo "docs/features.md is old: make docs" >&2; exit 1; }
	@$(PYTHON) -m glue.describe | diff - docs/tables.md || { echo "docs/tables.md is old: make docs" >&2; exit 1; }

docs: $(READY) ## Make the generated pages again
	@$(PYTHON) -m datasets.describe > docs/datasets.md
	@$(PYTHON) -m features.describe > docs/features.md
	@$(PYTHON) -m glue.describe > docs/tables.md

##@ An AWS account, or local AWS with ENV=local
package: $(READY) ## Build everything that Terraform refers to
	@$(PYTHON) -m tools.package

upload: package ## Put it into the artifacts bucket: make upload ENV=dev
	@$(PYTHON) -m tools.upload "$$($(PYTHON) -m tools.terraform bootstrap $(ENV))"

plan: upload ## Show what would change: make plan ENV=dev
	@$(PYTHON) -m tools.terraform plan $(ENV)

deploy: upload ## Build the platform: make deploy ENV=dev
	@$(PYTHON) -m tools.terraform apply $(ENV)

why: $(READY) ## One decision, computed again from the lake and its model: make why TX=id ENV=dev
	@$(PYTHON) -m tools.why "$(ENV)" "$$TX"

backtest: $(READY) ## Another policy over stored decisions: make backtest POLICY=file.json FROM=day TO=day ENV=dev [COSTS=json THRESHOLDS=document]
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.backtest "$(ENV)" "$(POLICY)" "$(FROM)" "$(TO)" '$(COSTS)' "$(THRESHOLDS)"

policy: $(READY) ## Another policy's rules and lists go live: make policy POLICY=file.json ENV=dev
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.policy "$(ENV)" "$(POLICY)"

verify-log: $(READY) ## Whether the decision log is what was sealed: make verify-log ENV=dev
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.verify "$(ENV)"

replay-dlq: $(READY) ## What the stream door gave up, on the stream again: make replay-dlq ENV=dev
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.replay "$(ENV)"

forget: $(READY) ## Delete one customer's data for good: make forget CUSTOMER=id ENV=dev
	@$(PYTHON) -m tools.forget "$(ENV)" "$$CUSTOMER"

destroy: package ## Take the platform down: make destroy ENV=dev
	@$(PYTHON) -m tools.terraform destroy $(ENV)

##@ Set-up, done by the targets above
$(READY): $(wildcard requirements/*.txt) requirements/spark_path.pth tools/prerequisites.sh
	@python=$$(tools/prerequisites.sh) && $$python -m venv $(VENV)
	@echo "setting up $(VENV), once"
	@$(PYTHON) -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --require-hashes -r requirements/dev.txt
	@$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --require-hashes --no-deps --target $(VENV)/.wheel -r requirements/spark-s3a.txt
	@cp requirements/spark_path.pth "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@mkdir -p $(JARS)
	@for jar in hadoop-aws-3.3.3 aws-java-sdk-core-1.12.382 aws-java-sdk-s3-1.12.382 aws-java-sdk-dynamodb-1.12.382 \
	  aws-java-sdk-kms-1.12.382 aws-java-sdk-sts-1.12.382 jmespath-java-1.12.382 ion-java-1.0.2 wildfly-openssl-1.0.7.Final; \
	  do cp $(VENV)/.wheel/bodo_iceberg_connector/jars/libs/$$jar.jar $(JARS)/; done
	@rm -rf $(VENV)/.wheel $(VENV)/share/spark-classes.jsa
	@touch $(READY)

setup: $(READY) ## Only the set-up

lock: $(READY) ## Make the locked requirements again
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && for extra in bootstrap spark-s3a; do uv pip compile -q --python-version 3.11 --no-deps --generate-hashes --no-emit-index-url --no-header $$extra.in -o $$extra.txt; done
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header etl.in ml.in local.in test.in dashboard.in -o dev.txt
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && for extra in etl ml local test dashboard; do uv pip compile -q --python-version 3.11 -c dev.txt --generate-hashes --no-emit-index-url --no-header $$extra.in -o $$extra.txt; done

.PHONY: help demo dataset local-up local-down test bench quality check docs package upload plan deploy why backtest policy verify-log replay-dlq forget destroy setup lock
