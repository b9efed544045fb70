// How a subcommand plugs into the program: a file makes one, main.cpp runs it.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <string>

#include "core/result.hpp"

namespace dunetrace::cli {

constexpr int kFailed = 1;  // it could not be done
constexpr int kUsage = 2;   // wrong arguments, settings or configuration

// A parsed subcommand; `run` gives the exit code.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

Command make_up(CLI::App& parent);
Command make_serve(CLI::App& parent);
Command make_migrate(CLI::App& parent);
Command make_keys(CLI::App& parent);
Command make_plugins(CLI::App& parent);
Command make_plugin(CLI::App& parent);
Command make_detectors(CLI::App& parent);
Command make_spool(CLI::App& parent);
Command make_dead_letters(CLI::App& parent);
Command make_demo(CLI::App& parent);
Command make_backtest(CLI::App& parent);
Command make_retention(CLI::App& parent);
Command make_explain(CLI::App& parent);

// Prints "dunetrace: <text>" on stderr and gives the exit code for it: 2 for what the caller can correct, 1 otherwise.
int report(const Error& error);

}  // namespace dunetrace::cli
