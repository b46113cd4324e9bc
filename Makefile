# Stagelift. `make` lists what there is.

SHELL := /bin/bash

FUNCTIONS := extract header load
# What every bootstrap is built with, for Lambda and for the laptop alike. The
# checkout's state is left out of the binary: the same source gives the same
# bytes, also where git is not at hand.
GO_BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -tags lambda.norpc

OUT ?= .local/bin
FUZZTIME ?= 10s
# What make versions runs, and on which major versions of PostgreSQL.
VERSIONS ?= 12 13 14 15 16 17 18
SUITES ?= ./local/pgserver ./local/rds ./shared/postgres ./shared/encode/... ./shared/run
BUNDLE := build/global-bundle.pem
BUNDLE_URL := https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
GOLANGCI_VERSION := v2.15.0
GOLANGCI := .tools/bin/golangci-lint

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo '  sam build, sam deploy --guided use the build-…Function targets below'

##### on the laptop

.PHONY: demo up invoke
demo: deps ## the whole way with sample data, checked: PostgreSQL, S3, both warehouses
	@go run ./local demo
up: deps ## start the laptop stack and stay until Ctrl-C
	@go run ./local up
invoke: ## run one function of the running stack: make invoke FN=extract EVENT=events/extract-all.json
	@test -n "$(FN)" -a -n "$(EVENT)" || { echo 'say which: make invoke FN=extract EVENT=events/extract-all.json' >&2; exit 2; }
	@go run ./local invoke "$(FN)" "$(EVENT)"

##### checks

.PHONY: test oracles versions lint fmt fuzz bench storm
# The S3 server is a module of its own, which ./... does not reach; its
# binary is what the tests start.
test: deps ## every test, with the race detector
	@.ci/programs
	cd local/s3/versitygw && go vet ./... && go build -o /dev/null ./...
	go test -race -count=1 -timeout 30m ./...

oracles: deps ## other people's parsers, readers and servers hold us to account: make oracles ONLY=sqlglot
	@go run ./oracles -only "$(ONLY)"

versions: ## tests on PostgreSQL 12 (refused) to 18, by npm: make versions VERSIONS="13 18"
	@.ci/versions "$(VERSIONS)" $(SUITES)

lint: $(GOLANGCI) ## golangci-lint, and cfn-lint where it is installed (in CI it must be)
	$(GOLANGCI) run --build-tags oracles ./...
	@if command -v cfn-lint >/dev/null; then \
		echo cfn-lint template.yaml && cfn-lint template.yaml; \
	elif [ "$(CI)" = true ]; then \
		echo 'cfn-lint is not on PATH, and CI=true: install it with pip install cfn-lint' >&2; exit 1; \
	else \
		echo 'template.yaml was NOT checked: cfn-lint is not on PATH (pip install cfn-lint)' >&2; \
	fi

fmt: $(GOLANGCI) ## format all Go code
	$(GOLANGCI) fmt ./...

fuzz: ## every fuzz target for a moment: make fuzz FUZZTIME=1m
	@set -e; \
	grep -r --include='*_test.go' --exclude-dir='.[a-z]*' -o '^func Fuzz[A-Za-z0-9_]*' . | sort | \
	while IFS=: read -r file name; do \
		name=$${name#func }; \
		echo "== $$name in $$(dirname $$file)"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$(dirname $$file)" </dev/null; \
	done

bench: deps ## time, memory, start, size and loads, against peers on the same machine (installed on Debian)
	@.ci/peers
	go run ./bench

ROUNDS ?= 100
SEED ?= 1
FIRST ?= 1
storm: deps ## extract amid writers, DDL, kills and faults, judged by a referee: make storm ROUNDS=1000 SEED=7 [FIRST=41] [BINARY=path]
	@go run ./local/storm/run -rounds "$(ROUNDS)" -seed "$(SEED)" -first "$(FIRST)" $(if $(BINARY),-binary "$(BINARY)")

##### binaries

.PHONY: functions package
functions: ## the functions for this machine, in OUT=.local/bin/<name>/bootstrap
	@set -e; for name in $(FUNCTIONS); do $(GO_BUILD) -o "$(OUT)/$$name/bootstrap" "./functions/$$name"; done

# sam build calls make with this file from a copy of the sources, or in place
# (build_in_source), and with ARTIFACTS_DIR. So paths start where make does.
.PHONY: build-ExtractFunction build-HeaderFunction build-LoadFunction build-LoadSnowflakeFunction
build-ExtractFunction: $(BUNDLE)
	$(call build_for_lambda,extract)
	install -m 644 $(BUNDLE) "$(ARTIFACTS_DIR)/global-bundle.pem"
build-HeaderFunction:
	$(call build_for_lambda,header)
build-LoadFunction build-LoadSnowflakeFunction:
	$(call build_for_lambda,load)

define build_for_lambda
@test -n "$(ARTIFACTS_DIR)" || { echo 'ARTIFACTS_DIR is not set; sam build sets it, make package does it by hand' >&2; exit 2; }
GOOS=linux GOARCH=arm64 $(GO_BUILD) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/$(1)
chmod 755 "$(ARTIFACTS_DIR)/bootstrap"
endef

# Lambda's limits: 50 MB zipped, 250 MB unzipped.
package: ## build as sam build does, zip, and tell the sizes; in build/
	@set -e; for id in ExtractFunction HeaderFunction LoadFunction LoadSnowflakeFunction; do \
		rm -rf "build/$$id" "build/$$id.zip"; mkdir -p "build/$$id"; \
		$(MAKE) --no-print-directory -s "build-$$id" ARTIFACTS_DIR="$(CURDIR)/build/$$id"; \
		(cd "build/$$id" && zip -q -X -r "../$$id.zip" .); \
		zipped=$$(wc -c <"build/$$id.zip"); unzipped=$$(cat "build/$$id"/* | wc -c); \
		printf '%-21s %6.1f MB zipped, %6.1f MB unzipped\n' "$$id" \
			"$$(awk "BEGIN{print $$zipped/1e6}")" "$$(awk "BEGIN{print $$unzipped/1e6}")"; \
		test $$zipped -lt 50000000 -a $$unzipped -lt 250000000 || { echo "$$id is too large for Lambda" >&2; exit 1; }; \
	done

# The authorities of RDS. AWS replaces the file when it likes, so its digest
# cannot be pinned; local/cabundle says what is checked instead. The global file
# has three authorities for each of more than thirty regions.
.PHONY: FORCE
ifneq ($(strip $(RDS_CA_BUNDLE)),)
$(BUNDLE): FORCE
	@mkdir -p build
	go run ./local/cabundle "$(RDS_CA_BUNDLE)"
	@install -m 644 "$(RDS_CA_BUNDLE)" $@
else
$(BUNDLE):
	@mkdir -p build
	@curl -fsS --proto '=https' --tlsv1.2 --retry 3 --max-time 120 -o $@.part $(BUNDLE_URL) && \
		go run ./local/cabundle -least 60 $@.part && mv $@.part $@ || { \
		rm -f $@.part; \
		echo 'The certificate authorities of RDS could not be downloaded or are not what they should be.' >&2; \
		echo 'Fetch $(BUNDLE_URL)' >&2; \
		echo 'by another way and say where it is: RDS_CA_BUNDLE=file' >&2; \
		exit 1; }
endif

##### tools

.PHONY: deps tools clean
deps: ## find PostgreSQL's server, which everything local runs; install it on Debian
	@.ci/postgresql
tools: $(GOLANGCI) ## build the linter into .tools/bin

# The stamp carries the version, so that another version is built anew.
$(GOLANGCI): .tools/golangci-lint-$(GOLANGCI_VERSION)
.tools/golangci-lint-$(GOLANGCI_VERSION):
	@echo 'building golangci-lint $(GOLANGCI_VERSION), once; it takes a few minutes'
	@mkdir -p .tools && rm -f .tools/golangci-lint-*
	@GOBIN="$(CURDIR)/.tools/bin" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@touch $@

clean: ## remove what was built and what the laptop stack left; keeps .tools
	rm -rf build .aws-sam .local
