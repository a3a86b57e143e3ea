# Two commands for a newcomer: `make run` and `make test`. The others are parts of them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
CARGO ?= cargo
BIN := target/debug/visioplainte
COMMUNES := web/node_modules/@etalab/decoupage-administratif/data

.PHONY: run run-lan web build test journey turn fuzz bench bench-sfu bench-sfu-recovery bench-identity bench-booking needs lint clean

run: build            ## build, migrate, seed and serve on http://localhost:8080
	$(BIN) migrate
	$(BIN) seed
	$(BIN) communes $(COMMUNES)
	$(BIN) serve

run-lan: build        ## the same over self-signed TLS, for phones on the local network
	VISIOPLAINTE_LISTEN=0.0.0.0:8443 VISIOPLAINTE_TLS=self_signed $(BIN) migrate
	VISIOPLAINTE_LISTEN=0.0.0.0:8443 VISIOPLAINTE_TLS=self_signed $(BIN) seed
	VISIOPLAINTE_LISTEN=0.0.0.0:8443 VISIOPLAINTE_TLS=self_signed $(BIN) communes $(COMMUNES)
	VISIOPLAINTE_LISTEN=0.0.0.0:8443 VISIOPLAINTE_TLS=self_signed $(BIN) serve

build: web            ## the service with its sandbox
	$(CARGO) build --features sandbox

web: web/node_modules/.package-lock.json   ## styles and scripts
	npm --prefix web run --silent build

web/node_modules/.package-lock.json: web/package-lock.json
	npm --prefix web ci --no-audit --no-fund
	@touch $@

needs:                ## what the tests need: browsers, PostgreSQL, PDF tools
	tests/needs.sh

# The second clippy sees what production is built from, without the sandbox.
# --examples, of which there are none, makes it choose the same features of our
# dependencies as the first, so that none of them is checked twice.
lint: web/node_modules/.package-lock.json   ## formatter, clippy, types of the scripts
	$(CARGO) fmt --all --check
	npm --prefix web run --silent check
	$(CARGO) clippy --workspace --all-targets --features sandbox -- -D warnings
	$(CARGO) clippy --workspace --lib --bins --examples -- -D warnings

test: needs web       ## everything: rules, stories on both databases, browsers, kill -9
	tests/all.sh

journey: needs build  ## the whole journey in real browsers; screenshots in target/journey
	tests/journey.sh

turn: needs build     ## the relay and its paths in network namespaces; as root
	tests/turn.sh

bench: bench-sfu bench-identity bench-booking   ## every benchmark that there is; figures as lines "bench: name value unit"

# Fifteen minutes on two quiet cores; BENCH_QUICK=1 in three. See load/README.md.
bench-sfu: build      ## capacity of the media node, beside Janus and a relay floor; then its recovery
	load/bench.sh
	load/bench.sh hostile
	trials/bench.sh

bench-sfu-recovery: build   ## how long a broken call is without voice; as root. See trials/README.md
	trials/bench.sh

# Ratios of one run on a database of its own: the price of a login and of the
# journal, whether units wait for each other, the outbox while its workers are
# ended; cells of the table of rights; ten thousand messages under kill -9.
# Seven minutes.
bench-identity: web   ## logins, rights, the journal and the messages, on PostgreSQL
	tests/bench-identity.sh

# A country of 3,500 units and a million past appointments on either database;
# BENCH_QUICK=1 for a short past and few attempts.
bench-booking: web    ## looking for slots and taking them, in a whole country
	tests/bench-booking.sh

fuzz:                 ## service and media node under FUZZ_INPUTS hostile inputs a target; nightly compiler
	tests/fuzz.sh

clean:
	rm -rf target web/dist web/node_modules data
