#include "tools/completion.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace sendconn::tools {
namespace {

std::string words_of(const CLI::App& app) {
  std::string words;
  const auto add = [&words](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) add(sub->get_name());
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    for (const std::string& name : option->get_lnames()) add("--" + name);
    for (const std::string& name : option->get_snames()) add("-" + name);
  }
  return words;
}

/// Options whose value is a file.
std::string file_options_of(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_type_name() != "FILE") continue;
    for (const std::string& name : option->get_lnames()) words += (words.empty() ? "--" : "|--") + name;
  }
  return words;
}

/// The command takes the name of a file without an option in front of it.
bool takes_file(const CLI::App& app) {
  const auto found = app.get_options([](const CLI::Option* option) {
    return option->get_positional() && (option->get_single_name() == "file" || option->get_single_name() == "files");
  });
  return !found.empty();
}

void describe(const CLI::App& app, const std::string& path, const std::string& global, std::string& cases) {
  cases += "    '" + path + "') words='" + words_of(app) + (path.empty() ? "" : " " + global) + "'";
  const std::string files = file_options_of(app);
  cases += " files='" + files + "'" + (takes_file(app) ? " file=yes" : "") + " ;;\n";
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    describe(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), global, cases);
  }
}

}  // namespace

std::string bash_completion(const CLI::App& program) {
  std::string global;
  for (const CLI::Option* option : program.get_options([](const CLI::Option*) { return true; })) {
    for (const std::string& name : option->get_lnames()) {
      if (name != "help" && name != "version") global += (global.empty() ? "--" : " --") + name;
    }
  }
  std::string cases;
  describe(program, "", global, cases);
  std::string commands;
  for (const CLI::App* sub : program.get_subcommands([](const CLI::App*) { return true; })) {
    commands += (commands.empty() ? "'" : "|'") + sub->get_name() + "'";
    for (const CLI::App* inner : sub->get_subcommands([](const CLI::App*) { return true; })) {
      commands += "|'" + sub->get_name() + " " + inner->get_name() + "'";
    }
  }
  return R"(# bash completion for sendconn, made by: sendconn completion
_sendconn() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= next words= files= file= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next=${path:+$path }${COMP_WORDS[i]}
    case $next in
      )" +
         commands + R"() path=$next ;;
    esac
  done
  case $path in
)" + cases +
         R"(  esac
  case "|$files|--config|" in
    *"|$before|"*)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  if [[ $word != -* && $file ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _sendconn sendconn)";
}

}  // namespace sendconn::tools
