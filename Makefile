# "make help" lists what there is.

.DEFAULT_GOAL := help
.PHONY: help build demo test conversations lint fuzz bench docs clean

DEMO_FLAGS  ?=
FUZZ_TIME   ?= 100000x
# How many generated conversations "make test" holds; "make conversations" holds them all.
CONVERSATIONS ?= 1400

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/tenantpool
	go build -trimpath -o bin/tenantpool ./cmd/tenantpool

demo: build ## several tenants, pgbench and the proof, on a private Postgres (DEMO_FLAGS="--keep")
	scripts/install-deps.sh demo
	bin/tenantpool demo --config config.toml $(DEMO_FLAGS)

test: ## install what the tests need, then vet, staticcheck and all tests under the race detector
	scripts/install-deps.sh test
	$(MAKE) --no-print-directory lint
	go test -race -count=1 -timeout 10m $$(go list ./... | grep -v /integration)
	TENANTPOOL_RACE=1 TENANTPOOL_CONVERSATIONS=$(CONVERSATIONS) scripts/integration.sh

conversations: ## hold 10,080 generated conversations with Postgres and through the pooler
	scripts/install-deps.sh test
	go test -count=1 -timeout 30m -v -run TestGenerated ./integration

lint: ## go vet and staticcheck
	go vet ./...
	go tool staticcheck ./...

fuzz: ## run every fuzz test FUZZ_TIME (100000x) times
	scripts/fuzz.sh $(FUZZ_TIME)

bench: build ## measure tenantpool beside PgBouncer (bench/README.md says how to choose)
	scripts/install-deps.sh bench
	TENANTPOOL=bin/tenantpool go run ./bench

docs: ## write docs/settings.md from the table of settings
	go run ./cmd/tenantpool man settings > docs/settings.new
	mv docs/settings.new docs/settings.md

clean: ## remove what make has built
	rm -rf bin
