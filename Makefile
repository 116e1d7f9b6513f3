# The few commands a person types. Everything else is behind `python -m commands`.
STACK ?= local
PYTHON ?= python3
# of bundle: see docs/offline.md
ARTIFACTS ?= built
FORM ?= folder
RELEASES ?= debian-12,debian-13
VENV := .venv
# of up and down, for stacks that are not local: see docs/environments.md
export YES ALLOW
RUN := $(VENV)/bin/python -m commands
# of sources that need one: each in its own folder
SDKS := $(wildcard components/nodes/*/requirements.txt)

.PHONY: help up preview down doctor kubeconfig host-keys bundle bundle-verify mirror test test-fast test-conformance test-engine test-e2e test-sources test-interruptions test-ha lint bench-scale

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 20

$(VENV)/.ready: requirements.txt offline/requirements.txt
	@echo "setting up $(VENV) (about half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --no-compile -r requirements.txt -r offline/requirements.txt
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt $(SDKS)
	@echo "setting up $(VENV) for tests (about a minute)"
	@$(VENV)/bin/python -m pip install --quiet -r requirements-dev.txt $(addprefix -r ,$(SDKS))
	@touch $@

up: $(VENV)/.ready ## from nothing to a served request, gates passed (STACK=local)
	@$(RUN) up --stack $(STACK)

preview: $(VENV)/.ready ## what `up` would change; touches nothing
	@$(RUN) preview --stack $(STACK)

down: $(VENV)/.ready ## delete the stack's machines and everything on them
	@$(RUN) down --stack $(STACK)

doctor: $(VENV)/.ready ## what is missing, what will be used, how long it will take
	@$(RUN) doctor --stack $(STACK)

kubeconfig: $(VENV)/.ready ## write the admin kubeconfig to a file of its own (mode 0600)
	@$(RUN) kubeconfig --stack $(STACK)

host-keys: $(VENV)/.ready ## collect the keys of hosts that exist, once, for you to compare
	@$(RUN) host-keys --stack $(STACK)

bundle: $(VENV)/.ready ## all that a node runs with, for nodes that reach no registry (ARTIFACTS=built FORM=tar OUTPUT= RELEASES=)
	@$(RUN) bundle --artifacts $(ARTIFACTS) --form $(FORM) --releases "$(RELEASES)" $(if $(OUTPUT),--output "$(OUTPUT)") \
	  $(if $(KUBERNETES),--kubernetes $(KUBERNETES)) $(if $(CALICO),--calico $(CALICO)) \
	  $(if $(INGRESS_NGINX),--ingress-nginx $(INGRESS_NGINX))

bundle-verify: $(VENV)/.ready ## check a bundle: whole, and what its list says (BUNDLE=)
	@$(RUN) bundle-verify "$(BUNDLE)"

mirror: $(VENV)/.ready ## fill a mirror from a bundle of upstream's (BUNDLE= FILES=folder REGISTRY=host/folder CA_FILE=)
	@$(RUN) mirror --bundle "$(BUNDLE)" --files "$(FILES)" --registry "$(REGISTRY)" --ca-file "$(CA_FILE)"

lint: $(VENV)/.ready-dev ## ruff, mypy --strict, shellcheck
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/shellcheck -x $$(git ls-files '*.sh' .ci/run offline/plugins/bin | grep -v ^tests/golden/)

test-fast: lint ## lint, types, unit, golden, mocks, scripts, generated stack files: no VM, no engine
	@$(RUN) setup --for fast
	@$(VENV)/bin/python -m pytest -q -n 2 tests/unit tests/golden tests/components tests/scripts tests/generated

test-conformance: $(VENV)/.ready-dev ## provider plugins alone, against the real engine and a real API server
	@$(RUN) setup --for conformance
	@$(VENV)/bin/python -m pytest -q -n 2 --dist worksteal tests/conformance

test-engine: $(VENV)/.ready-dev ## plugins and program under the real engine, node scripts in chroots; no machines
	@$(RUN) setup --for engine
	@$(VENV)/bin/python -m pytest -q -n 2 --dist worksteal tests/conformance tests/engine

test-e2e: $(VENV)/.ready-dev ## real machines: a vendor's, ordered and given back, and a local cluster to its end
	@$(RUN) setup --for up
	@$(VENV)/bin/python -m pytest -q -s tests/e2e/test_vendor.py tests/e2e/test_cluster.py

test-sources: $(VENV)/.ready-dev ## more clusters: plain Debian in three ways, an example; not part of `make test`
	@$(RUN) setup --for sources
	@$(VENV)/bin/python -m pytest -q -s tests/e2e/test_plain.py tests/e2e/test_existing.py tests/e2e/test_upstream.py
	@$(VENV)/bin/python -m pytest -q -s tests/e2e/test_example.py

test-interruptions: $(VENV)/.ready-dev ## `up` killed five times, ten reboots: one local cluster; not part of `make test`
	@$(RUN) setup --for up
	@$(VENV)/bin/python -m pytest -q -s tests/e2e/test_interruptions.py

test-ha: $(VENV)/.ready-dev ## three control planes, the first killed, lost, taken away; not part of `make test`
	@$(RUN) setup --for up
	@$(VENV)/bin/python -m pytest -q -s -x tests/e2e/test_ha.py

bench-scale: $(VENV)/.ready-dev ## how long a preview of 100 nodes takes (8 min; bench/results/)
	@$(RUN) setup --for up
	@$(VENV)/bin/python -m bench.scale

test: test-fast test-engine test-e2e ## everything, a real cluster included
