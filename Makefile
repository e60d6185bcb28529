# Every command sets up what it needs first and says nothing when it is there: a fresh Debian or Ubuntu with Rust is enough.
# The work is in scripts/; caches are outside the checkout (ATELIER_CACHE, default ~/.cache/atelier).

.DEFAULT_GOAL := help
.PHONY: help run dev test lint bench bench-overload bench-search bench-ui drill schemas release clean-data

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start Atelier on http://127.0.0.1:3000; without a Replicate token, with the sandbox
	@scripts/run

dev: ## the same, and rebuild on every change (cargo leptos watch)
	@scripts/dev

test: ## everything: unit and integration tests on SQLite and PostgreSQL, S3, Replicate's own clients, browser end to end
	@scripts/test

lint: ## rustfmt, clippy for both halves, licences and advisories, types of the end-to-end tests
	@scripts/lint

bench: ## what one process can do: the whole life of many generations
	@scripts/bench

bench-overload: ## five times the load it can carry, for ten minutes on each database: who is turned away how soon, and the memory (SECONDS=60)
	@scripts/bench-overload $(SECONDS)

bench-ui: ## how quick the pages are in a browser, each figure beside its target (SOAK_SECONDS=1800: the whole soak)
	@scripts/bench-ui

bench-search: ## how long a search through 50,000 prompts of one person takes, on both databases
	@scripts/bench-search

drill: ## kill the running product hundreds of times and count what was lost (KILLS=500 for each database)
	@scripts/drill $(KILLS)

schemas: ## make a form of every public model of one day's list, 3,808 of them, and count what could not be shown
	@scripts/schemas

release: ## the product in one file, pages and migrations inside
	@scripts/release

clean-data: ## forget everybody and every picture of the development server (asks first)
	@scripts/clean-data
