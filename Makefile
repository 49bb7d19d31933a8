# The verbs of this project. CI calls the same ones.
.DEFAULT_GOAL := help
BIN := .venv/bin
PLATFORM := debian-12
SCENARIOS := $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml))
ROLE := $(filter-out hardened,$(SCENARIOS))
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Some machines forbid it, and then every process compiles all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo demo-down demo-up check check-all lint lint-ansible unit unit-slow simulate simulate-nights venue-tests long-tests molecule matrix image test coverage sanity schemas bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install all that is needed on this machine (apt, uv, Python packages)
	@scripts/setup.sh

demo: setup ## build the demo racecourse and open it: GO and a report
	@$(BIN)/python -m demo up
	@$(BIN)/raceday --venue demo morning --yes

demo-up: setup ## build and start the demo racecourse, nothing more
	@$(BIN)/python -m demo up

demo-down: ## remove every trace of the demo racecourse
	@$(BIN)/python -m demo down

check: ## the fast tests: linters, types, fast unit tests; about a minute
	@$(MAKE) --no-print-directory -j2 --output-sync=target lint unit

check-all: ## what make check leaves out: ansible-lint, slow tests, 2,000 simulated days, 500 nights, two mistakes in them
	@$(MAKE) --no-print-directory -j2 --output-sync=target lint-ansible unit-slow $(BESIDE)
	@RACEDAY_SIMULATE=2000 RACEDAY_SIMULATE_NIGHTS=500 $(BIN)/pytest -m simulation tests/unit
	@$(BIN)/pytest -m mutant -k "sees_ends or sees_hosts" tests/unit/idle

lint: ## ruff, mypy, yamllint, promtool, shellcheck
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/yamllint --strict .
	@promtool check rules monitoring/raceday.rules.yml && promtool test rules monitoring/raceday.rules.test.yml
	@shellcheck -s sh plugins/plugin_utils/hot_path.sh
	@shellcheck scripts/*.sh .ci/run

lint-ansible: ## ansible-lint, profile production
	@$(BIN)/ansible-lint --offline

unit: ## unit, command-line and content tests
	@$(BIN)/pytest -n 4 -m "not simulation and not slow and not mutant" tests/unit tests/cli tests/content

unit-slow: ## those of them that take seconds each
	@$(BIN)/pytest -n 4 -m "slow and not mutant" tests/unit tests/cli tests/content

coverage: ## the same tests, and what of automation/ and plugins/ they reach; under 90 % it fails
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n 2 -m "not simulation and not mutant" tests/unit tests/cli tests/content
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report

sanity: ## ansible-test's sanity checks of the plugins, those that need no network
	@scripts/sanity.sh

simulate: ## 100,000 simulated days, and mistakes put into the engine that such days must find
	@RACEDAY_SIMULATE=100000 $(BIN)/pytest -m "simulation or mutant" tests/unit/run

simulate-nights: ## 100,000 simulated nights of unattended work, and some that must find mistakes
	@RACEDAY_SIMULATE_NIGHTS=100000 $(BIN)/pytest -m "simulation or mutant" -s tests/unit/idle

venue-tests: demo-up ## the tests on the demo racecourse, but the long ones
	@$(BIN)/pytest --durations=15 -m "not long" tests/venue

long-tests: demo-up ## the long ones: without raceday, unattended, rehearsed; killed a hundred times
	@RACEDAY_KILLS=100 $(BIN)/pytest -m "long or kills" tests/venue

image: setup ## build the image of the demo's and the roles' hosts
	@$(BIN)/python -m demo build --platform $(PLATFORM) >/dev/null

molecule: image ## every role on hosts of its own; only one: make molecule ROLE=redis
	@RACEDAY_PLATFORM=$(PLATFORM) $(MAKE) --no-print-directory -k -j3 --output-sync=target $(addprefix scenario-,$(ROLE))

scenario-%:
	@scripts/molecule.sh $*

matrix: ## every role on every platform it is proven on, hardened hosts too; not in CI
	@$(MAKE) --no-print-directory molecule ROLE="$(SCENARIOS)"
	@$(MAKE) --no-print-directory molecule ROLE="$(SCENARIOS)" PLATFORM=debian-13

test: setup check ## what CI runs: fast tests, slow ones, every role on hosts, the procedures on the demo
	@$(MAKE) --no-print-directory check-all BESIDE=image
	@$(MAKE) --no-print-directory molecule
	@$(MAKE) --no-print-directory venue-tests; status=$$?; \
	$(MAKE) --no-print-directory demo-down; exit $$status

schemas: ## write schemas/venue.v1.json anew from the model
	@$(BIN)/raceday venue schema > schemas/venue.v1.json

bench: demo-up ## time the hot path against ordinary tasks and plain ssh, side by side; and sales close
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.bench.closing

clean: demo-down ## also remove what was installed here
	rm -rf .venv .tools
