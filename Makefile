# The only command surface. Bare `make` prints it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
CHECKS := $(VENV)/checks
BROWSER := $(VENV)/browser
ASKER := $(VENV)/api
DEPLOY := .venv-deploy
JARS := $(VENV)/share/s3a-jars
ENV ?= local
# What the machine lacked lies here; a JAVA_HOME or SPARK_HOME of another version would come before it.
export PATH := $(CURDIR)/$(VENV)/tools/bin:$(PATH)
unexport JAVA_HOME SPARK_HOME
STATE ?= build/local-aws
# Deploying needs little: where nothing is set up and the environment is no local one, two packages will do.
LIGHT := $(if $(filter local,$(ENV)),,$(if $(wildcard $(READY)),,yes))
TOOLS := $(if $(LIGHT),$(DEPLOY)/.ready,$(READY))
OURS := env PYTHONPATH=.:lambda $(if $(LIGHT),$(DEPLOY)/bin/python,$(PYTHON))
# Features of the user's own: every process sees the folder, wherever it runs.
override FEATURES := $(if $(FEATURES),$(abspath $(FEATURES)))
export FEATURES
OWN := $(if $(FEATURES),features)
# What commands on an environment run in: for ENV=local the AWS that `make local-up` started, else the caller's own.
IN := $(if $(filter local,$(ENV)),$(PYTHON) -m local with --state "$(STATE)" --)
# The console shows what the last demo built, unless an environment is named.
DEMO := build/demo/state
CONSOLE_IN = $(if $(filter file,$(origin ENV)),$(if $(wildcard $(DEMO)),,$(error no demo is here: `make demo` comes first, or ENV=<environment>))$(PYTHON) -m local run --state $(DEMO) -- env BUILD_DIR=$(DEMO),$(IN))

##@ On one machine
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ /           {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## /  {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) $(OWN) ## The main job from RAW files to decisions: make demo [DATA=dir]
	@tools/prerequisites.sh >/dev/null
	@$(PYTHON) -m local run --fresh --state $(DEMO) -- env BUILD_DIR=$(DEMO) PYTHONPATH=.:lambda $(PYTHON) -m demo $(if $(DATA),--data "$(DATA)")

dataset: $(READY) ## A data set in the RAW contract: make dataset NAME= OUT= [SOURCE= SIZE= LOANS= SEED= START= DAYS= LENDER= FRAUD_KINDS=]
	@$(PYTHON) -m datasets NAME=$(NAME) OUT=$(OUT) SOURCE=$(SOURCE) SIZE=$(SIZE) LOANS=$(LOANS) SEED=$(SEED) START=$(START) DAYS=$(DAYS) \
	  LENDER=$(LENDER) LOAN_EPISODE=$(LOAN_EPISODE) PAYMENT_EPISODE=$(PAYMENT_EPISODE) EPISODE_FROM=$(EPISODE_FROM) RECESSION=$(RECESSION) POLICY_CHANGE=$(POLICY_CHANGE) FRAUDS_ONLY=$(FRAUDS_ONLY) FRAUD_KINDS=$(FRAUD_KINDS)

features: $(TOOLS) ## What the files of your own folder declare: make features FEATURES=dir, which other targets take, too
	@$(OURS) -m features.own

import-fraud-detector: $(READY) ## From Amazon Fraud Detector: make import-fraud-detector SOURCE=dir OUT=dir [MERCHANT=variable OUTCOMES=file.json]
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.fraud_detector "$(SOURCE)" "$(OUT)" "$(MERCHANT)" "$(OUTCOMES)"

check-data: $(READY) ## What the platform will make of your files, before anything is built: make check-data DATA=dir
	@$(PYTHON) -m tools.raw_data "$(DATA)"

local-up: $(READY) ## Local AWS on port 4566, kept running
	@$(PYTHON) -m local up --detach --port 4566 --state $(STATE)

local-down: $(READY) ## Stop it
	@$(PYTHON) -m local down --state $(STATE)

localstack-up: $(READY) ## LocalStack from its package on port 4566, kept running
	@$(PYTHON) -m tools.localstack up

localstack-down: $(READY) ## Stop it
	@$(PYTHON) -m tools.localstack down

##@ Proof
test: $(READY) ## Every test: make test [BACKEND=localstack], which uses the one that runs or starts one
	@tools/prerequisites.sh >/dev/null
	@BACKEND=$(or $(BACKEND),embedded) $(PYTHON) -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations 10 --durations-min 1

bench: $(READY) $(if $(findstring console,$(ONLY)),$(BROWSER)/.ready) ## The platform beside its peers: make bench [ROWS=500000] [SCHEDULES=1000000] [ONLY=features|lake|serving|local|rules|doors|simulation|console] [LONG=1]
	@$(OURS) -m bench $(addprefix --rows ,$(ROWS)) $(addprefix --schedules ,$(SCHEDULES)) $(addprefix --only ,$(ONLY)) $(if $(LONG),--long)

quality: $(READY) $(OWN) ## Scores on a set in the RAW contract: make quality FRAUD=dir START=2018-05-20 FOLDS=4, or CREDIT=dir; PEERS=1 shows others beside, REJECTS=parcelling what inferring would gain
	@OMP_WAIT_POLICY=passive $(PYTHON) -m tools.quality "FRAUD=$(FRAUD)" "CREDIT=$(CREDIT)" "START=$(START)" "FOLDS=$(FOLDS)" "PEERS=$(PEERS)" "REJECTS=$(REJECTS)"

iam: $(READY) ## Is every statement of every role needed by a recorded call?
	@$(PYTHON) -m local.permissions

check: $(READY) $(CHECKS)/.ready ## Format, lint, types, import contracts, Terraform, workflows, generated pages
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@PYTHONPATH=.:lambda $(VENV)/bin/lint-imports
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.terraform check
	@$(CHECKS)/bin/python -m tools.machines
	@$(CHECKS)/bin/python -m tools.provider6
	@PATH="$(CURDIR)/$(CHECKS)/bin:$$PATH" $(CHECKS)/bin/actionlint
	@$(CHECKS)/bin/zizmor --offline --quiet --persona pedantic .github
	@$(CHECKS)/bin/checkov
	@$(PYTHON) -m datasets.describe | diff - docs/datasets.md || { echo "docs/datasets.md is old: make docs" >&2; exit 1; }
	@$(PYTHON) -m features.describe | diff - docs/features.md || { echo "docs/features.md is old: make docs" >&2; exit 1; }
	@$(PYTHON) -m glue.describe | diff - docs/tables.md || { echo "docs/tables.md is old: make docs" >&2; exit 1; }
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.openapi | diff - docs/openapi.json || { echo "docs/openapi.json is old: make docs" >&2; exit 1; }
	@$(PYTHON) -m tools.client | $(VENV)/bin/ruff format --stdin-filename client/api.py - | diff - client/api.py || { echo "client/api.py is old: make docs" >&2; exit 1; }
	@$(PYTHON) -m tools.terraform.modules --check
	@rendered=$$(mktemp -d) && $(PYTHON) -W ignore -m training.pipelines.render "$$rendered" && diff -r "$$rendered" terraform/platform/pipelines && rm -r "$$rendered" || { echo "terraform/platform/pipelines is old: make docs" >&2; exit 1; }
	@$(PYTHON) -m local.describe --check || { echo "local/README.md is old: make docs" >&2; exit 1; }

docs: $(READY) $(OWN) ## Make the generated pages again
	@mkdir -p build
	@$(PYTHON) -m datasets.describe > docs/datasets.md
	@$(PYTHON) -m features.describe > docs/features.md
	@$(PYTHON) -m glue.describe > docs/tables.md
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.openapi > docs/openapi.json
	@$(PYTHON) -m tools.client | $(VENV)/bin/ruff format --stdin-filename client/api.py - > build/client.py && mv build/client.py client/api.py
	@$(PYTHON) -m local.describe --write
	@$(PYTHON) -m tools.terraform.modules --write
	@$(PYTHON) -W ignore -m training.pipelines.render

##@ An AWS account, or local AWS with ENV=local
package: $(TOOLS) $(OWN) ## Build everything that Terraform refers to
	@$(OURS) -m tools.package

preflight: $(TOOLS) ## What would stop a deployment: make preflight ENV=dev
	@$(IN) $(OURS) -m tools.operate preflight "$(ENV)"

bootstrap: $(TOOLS) ## Where state, code and image go, once per account: make bootstrap ENV=dev
	@$(IN) $(OURS) -m tools.terraform bootstrap "$(ENV)"

plan: package ## Show what would change, and keep the plan: make plan ENV=dev
	@$(IN) $(OURS) -m tools.terraform plan "$(ENV)"

deploy: package ## Apply the kept plan, or plan and apply: make deploy ENV=dev [PLANNED=1]
	@PLANNED=$(PLANNED) $(IN) $(OURS) -m tools.terraform deploy "$(ENV)"

verify: package ## What runs beside what was built: make verify ENV=dev
	@$(IN) $(OURS) -m tools.operate verify "$(ENV)"

drift: package ## Whether the account is as planned: make drift ENV=dev
	@$(OURS) -m tools.delivery look "$(ENV)" -- $(IN) $(OURS) -m tools.terraform drift "$(ENV)"

release: package $(CHECKS)/.ready ## The files of a release below build/release
	@rm -rf build/release && mkdir -p build/release
	@$(CHECKS)/bin/cyclonedx-py requirements requirements/glue.txt --output-reproducible -o build/release/glue.cdx.json
	@$(CHECKS)/bin/cyclonedx-py requirements requirements/ml.txt --output-reproducible -o build/release/image.cdx.json
	@$(PYTHON) -m tools.delivery release

cost: $(TOOLS) ## What the kept plan costs, by a dated table of prices: make cost ENV=dev
	@$(OURS) -m tools.cost "$(ENV)"

image: $(TOOLS) ## Build and push the image, with a Docker engine: make image ENV=dev
	@$(IN) $(OURS) -m tools.operate image "$(ENV)"

console-image: $(TOOLS) ## Build and push the console's image, with a Docker engine: make console-image ENV=dev
	@$(IN) $(OURS) -m tools.operate console-image "$(ENV)"

console-secret: $(TOOLS) ## Give the console's load balancer the secret of its client: make console-secret ENV=dev
	@$(IN) $(OURS) -m tools.sign_on "$(ENV)"

ingest: $(TOOLS) ## RAW files into a batch: make ingest DATA=dir ENV=dev [BATCH=day]
	@$(IN) $(OURS) -m tools.operate ingest "$(ENV)" "$(DATA)" "$(BATCH)"

night: $(TOOLS) ## Run the night for a batch: make night ENV=dev [BATCH=day AS_OF=instant]
	@$(IN) $(OURS) -m tools.operate night "$(ENV)" "$(BATCH)" "$(AS_OF)"

train: $(TOOLS) ## Train and register a model: make train PROBLEM=fraud ENV=dev [AS_OF=instant COSTS=json DEFAULT=json REJECTS=parcelling]
	@$(IN) $(OURS) -m tools.operate train "$(ENV)" "$(PROBLEM)" "$(AS_OF)" '$(COSTS)' '$(DEFAULT)' "$(REJECTS)"

experiments: $(TOOLS) ## Runs of a training pipeline, with parameters and figures: make experiments PROBLEM=fraud ENV=dev [MLFLOW=sqlite:///file]
	@$(IN) $(OURS) -m tools.operate experiments "$(ENV)" "$(PROBLEM)" "$(MLFLOW)"

reproduce: $(TOOLS) ## Train a run once more and compare bit for bit: make reproduce PROBLEM=fraud RUN=name ENV=dev
	@$(IN) $(OURS) -m tools.operate reproduce "$(ENV)" "$(PROBLEM)" "$(RUN)"

approve: $(TOOLS) ## Let a registered model serve: make approve PACKAGE=arn ENV=dev [REASON=why, where its dossier fails]
	@$(IN) $(OURS) -m tools.operate approve "$(ENV)" "$(PACKAGE)" "$$REASON"

status: $(TOOLS) ## Runs, models, alarms, freshness, cost: make status ENV=dev
	@$(IN) $(OURS) -m tools.operate status "$(ENV)"

roles: $(READY) ## Write docs/roles.md from what is deployed: make roles ENV=local
	@$(IN) $(PYTHON) -m tools.roles "$(ENV)" --write

rollback: $(TOOLS) ## The version before, or another, serves again: make rollback PROBLEM=fraud ENV=dev [VERSION=n]
	@$(IN) $(OURS) -m tools.operate rollback "$(ENV)" "$(PROBLEM)" "$(VERSION)"

abort-release: $(TOOLS) ## Undo the release that is under way: make abort-release REASON='what you saw' ENV=dev
	@$(IN) $(OURS) -m tools.operate abort-release "$(ENV)" "$$REASON"

backfill: $(TOOLS) ## GOLD and records of days again: make backfill FROM=day TO=day ENV=dev [AS_OF=instant]
	@$(IN) $(OURS) -m tools.operate backfill "$(ENV)" "$(FROM)" "$(TO)" "$(AS_OF)"

errors: $(TOOLS) ## Why a function, a machine or a training failed: make errors OF=stream ENV=dev
	@$(IN) $(OURS) -m tools.operate errors "$(ENV)" "$(OF)"

discard: $(TOOLS) ## Show and drop what a queue of what was given up holds: make discard QUEUE=release ENV=dev
	@$(IN) $(OURS) -m tools.operate discard "$(ENV)" "$(QUEUE)"

score-drift: $(TOOLS) ## What a drift report says: make score-drift ENV=dev [PROBLEM=credit] [DAY=day or month]
	@$(IN) $(OURS) -m tools.operate score-drift "$(ENV)" "$(DAY)" "$(PROBLEM)"

performance: $(TOOLS) ## What has become of what was decided, and how often it is so: make performance ENV=dev PROBLEM=credit
	@$(IN) $(OURS) -m tools.operate performance "$(ENV)" "$(PROBLEM)"

keep-keys: $(TOOLS) ## Take back a key's deletion: make keep-keys ENV=dev
	@$(IN) $(OURS) -m tools.operate keep-keys "$(ENV)"

why: $(READY) ## One decision, computed again from the lake and its model: make why TX=id ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.why "$(ENV)" "$$TX"

backtest: $(READY) ## Another policy over stored decisions: make backtest POLICY=file.json FROM=day TO=day ENV=dev [COSTS=json THRESHOLDS=document]
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.backtest "$(ENV)" "$(POLICY)" "$(FROM)" "$(TO)" '$(COSTS)' "$(THRESHOLDS)"

policy: $(READY) ## Another policy's rules go live: make policy POLICY=file.json ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.policy "$(ENV)" "$(POLICY)"

policy-diff: $(READY) ## What a policy would change, or what has changed since one: make policy-diff POLICY=file.json|SINCE=version ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.policy_diff "$(ENV)" "$(POLICY)" "$(SINCE)"

list: $(READY) ## Entries of a list that rules look at: make list LIST=name KIND=block|watch|allow FIELD=customer_id FILE=lines.txt|VALUE=id WHY=reason [UNTIL=day TAKE_OFF=1] ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.lists "$(ENV)" "$$LIST" "$$FIELD" "$(FILE)" "$(REMOVE)" "$$KIND" "$$VALUE" "$$WHY" "$$UNTIL" "$$TAKE_OFF"

snooze: $(READY) ## A rule is silent for a value: make snooze RULE=name FIELD=customer_id VALUE=id UNTIL=day WHY=reason ENV=dev, or WAKE=1
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.entries "$(ENV)" "$$RULE" "$$FIELD" "$$VALUE" "$$UNTIL" "$$WHY" "$$WAKE"

# Who names an API asks it as himself, not as who the local AWS knows.
cases: IN := $(if $(API),,$(IN))
cases: $(READY) ## Review cases: make cases [IS=OPEN|CUSTOMER=id|ID=case|TX=id] ENV=dev, or ACTION=next|claim|decide|... ID=case WHY=reason (make cases ACTION=help)
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.cases "$(ENV)" "$$API" "$$ACTION" "$$ID" "$$IS" "$$CUSTOMER" "$$TX" "$$DECISION" "$$WHY" "$$SEEN" "$$TO"

console: $(READY) ## Pages on decisions, customers, policy, models, portfolio: make console [ENV=dev PORT=8501 EXPORT=no]; without ENV of the last demo
	@PYTHONPATH=.:lambda $(CONSOLE_IN) $(PYTHON) -m console "$(ENV)" "$(PORT)" "$(EXPORT)"

console-check: $(READY) $(BROWSER)/.ready ## A walk through the console in Chromium, into build/console.json: make console-check [ENV=dev] [DOCS=1]; without ENV of the last demo
	@PYTHONPATH=.:lambda $(CONSOLE_IN) $(PYTHON) -m bench.console "$(ENV)" "$(BROWSER)/bin/python" "$(DOCS)"

api-check: $(READY) $(ASKER)/.ready ## The running API held against its document by Schemathesis, into build/api.json: make api-check [ENV=local]
	@PYTHONPATH=.:lambda $(if $(filter file,$(origin ENV)),,$(IN)) $(PYTHON) -m bench.api "$(if $(filter file,$(origin ENV)),,$(ENV))" "$(CURDIR)/$(ASKER)/bin/schemathesis"

attacks: $(READY) ## Attacks on both doors, where no customer pays: make attacks ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.attacks "$(ENV)"

decide-loans: $(READY) ## A credit policy over the last run of a month: make decide-loans POLICY=file.json MONTH=2025-06 ENV=dev, or KEPT=dir
	@PYTHONPATH=.:lambda $(if $(KEPT),,$(IN)) $(PYTHON) -m tools.lending decide "$(ENV)" "$$KEPT" "$$POLICY" "$$MONTH"

credit-policy: $(READY) ## The credit policy that the platform decides by: make credit-policy POLICY=file.json ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.lending publish "$(ENV)" "" "$$POLICY"

loan-letter: $(READY) ## The notice of one declined loan of a kept run: make loan-letter KEPT=dir LOAN=id [TEMPLATE=file]
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.lending letter "$(ENV)" "$$KEPT" "" "$$LOAN" "$$TEMPLATE"

loan-changes: $(READY) ## What would have to change for a yes, of one loan or of a kept run: make loan-changes KEPT=dir [LOAN=id]
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.lending changes "$(ENV)" "$$KEPT" "" "$$LOAN"

loan-reasons: $(READY) ## How far a kept run's reasons can be relied on (coverage, fidelity, stability): make loan-reasons KEPT=dir
	@PYTHONPATH=.:lambda $(PYTHON) -m tools.lending reasons "$(ENV)" "$$KEPT" ""

backtest-loans: $(READY) ## A credit policy and other cut-offs, on loans that have ended: make backtest-loans KEPT=dir [POLICY=file.json MARGIN=0.08|APPETITE=0.05 REFER=0.1] OUTCOMES=file.csv, or ENV=dev
	@PYTHONPATH=.:lambda $(if $(OUTCOMES),,$(IN)) $(PYTHON) -m tools.lending backtest "$(ENV)" "$$KEPT" "$$POLICY" "$$OUTCOMES" "$(MARGIN)" "$(APPETITE)" "$(REFER)"

loan-losses: $(READY) ## Stage, 12-month and lifetime losses of a kept run: make loan-losses KEPT=dir PERFORMANCE=file.csv [DECISIONS=file.csv], or ENV=dev [MONTHS= RATE=0.08 LATER=dir POLICY=file.json]
	@PYTHONPATH=.:lambda $(if $(PERFORMANCE),,$(IN)) $(PYTHON) -m tools.lending losses "$(ENV)" "$$KEPT" "$$POLICY" "$$PERFORMANCE" "$(MONTHS)" "$(RATE)" "$$DECISIONS" "$$LATER"

verify-log: $(READY) ## Whether the decision log is what was sealed: make verify-log ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.verify "$(ENV)"

replay-dlq: $(READY) ## What the stream door gave up, on the stream again: make replay-dlq ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.replay "$(ENV)"

forget: $(READY) ## Delete one customer's data for good: make forget CUSTOMER=id ENV=dev
	@PYTHONPATH=.:lambda $(IN) $(PYTHON) -m tools.forget "$(ENV)" "$$CUSTOMER"

destroy: package ## Take it down; data only where it is not kept: make destroy ENV=dev
	@$(IN) $(OURS) -m tools.terraform destroy "$(ENV)"

##@ Set-up, done by the targets above
$(READY): $(filter-out requirements/api.txt requirements/browser.txt requirements/check.txt requirements/glue.txt requirements/localstack.txt,$(wildcard requirements/*.txt)) requirements/spark_path.pth tools/prerequisites.sh tools/machine.py
	@python=$$(tools/prerequisites.sh) && "$$python" -m venv $(VENV)
	@echo "setting up $(VENV), once"
	@$(PYTHON) -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(PYTHON) --require-hashes -r requirements/dev.txt
	@$(VENV)/bin/uv pip install --quiet --python $(PYTHON) --require-hashes --no-deps --target $(VENV)/.wheel -r requirements/spark-s3a.txt
	@cp requirements/spark_path.pth "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@mkdir -p $(JARS)
	@for jar in hadoop-aws-3.3.3 aws-java-sdk-core-1.12.382 aws-java-sdk-s3-1.12.382 aws-java-sdk-dynamodb-1.12.382 \
	  aws-java-sdk-kms-1.12.382 aws-java-sdk-sts-1.12.382 jmespath-java-1.12.382 ion-java-1.0.2 wildfly-openssl-1.0.7.Final; \
	  do cp $(VENV)/.wheel/bodo_iceberg_connector/jars/libs/$$jar.jar $(JARS)/; done
	@rm -rf $(VENV)/.wheel
	@$(PYTHON) -m local.spark_classes
	@touch $(READY)

$(DEPLOY)/.ready: requirements/deploy.txt
	@python=$$(command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3) && \
	  "$$python" -c 'import sys; sys.exit("missing: Python 3.11 or later, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)' && \
	  "$$python" -m venv $(DEPLOY)
	@$(DEPLOY)/bin/python -m pip install --quiet --require-hashes -r requirements/deploy.txt
	@touch $@

$(CHECKS)/.ready: requirements/check.txt | $(READY)
	@$(PYTHON) -m venv --without-pip $(CHECKS)
	@$(VENV)/bin/uv pip install --quiet --python $(CHECKS)/bin/python --require-hashes -r requirements/check.txt
	@touch $@

$(ASKER)/.ready: requirements/api.txt | $(READY)
	@$(PYTHON) -m venv --without-pip $(ASKER)
	@$(VENV)/bin/uv pip install --quiet --python $(ASKER)/bin/python --require-hashes -r requirements/api.txt
	@touch $@

$(BROWSER)/.ready: requirements/browser.txt | $(READY)
	@$(PYTHON) -m venv --without-pip $(BROWSER)
	@$(VENV)/bin/uv pip install --quiet --python $(BROWSER)/bin/python --require-hashes -r requirements/browser.txt
	@touch $@

setup: $(READY) ## Only the set-up

lock: $(READY) ## Make the locked requirements again
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && for extra in bootstrap spark-s3a java; do uv pip compile -q --python-version 3.11 --no-deps --generate-hashes --no-emit-index-url --no-header $$extra.in -o $$extra.txt; done
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header etl.in ml.in local.in test.in dashboard.in console.in -o dev.txt
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && for extra in etl ml local test dashboard console deploy; do uv pip compile -q --python-version 3.11 -c dev.txt --generate-hashes --no-emit-index-url --no-header $$extra.in -o $$extra.txt; done
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && uv pip compile -q --python-version 3.11 --python-platform x86_64-manylinux_2_34 -c dev.txt --generate-hashes --no-emit-index-url --no-header glue.in -o glue.txt
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header check.in -o check.txt
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header browser.in -o browser.txt
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header api.in -o api.txt
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH"; cd requirements && uv pip compile -q --python-version 3.13 --generate-hashes --no-emit-index-url --no-header localstack.in -o localstack.txt

.PHONY: cases import-fraud-detector decide-loans loan-letter backtest-loans features check-data rollback abort-release backfill errors discard score-drift performance keep-keys help demo dataset local-up local-down localstack-up localstack-down test bench quality iam check docs package preflight bootstrap plan deploy verify drift release image console-image console-secret cost ingest night train experiments reproduce approve status roles why backtest policy policy-diff list snooze console console-check api-check attacks verify-log replay-dlq forget destroy setup lock credit-policy loan-losses loan-changes loan-reasons
