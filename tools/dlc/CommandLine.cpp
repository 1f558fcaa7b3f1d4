//===- CommandLine.cpp - One table of options, one of commands --------------------------------===//
#include "CommandLine.h"

#include "dlc/Frontend/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace dlc;

namespace {

struct Option {
  llvm::StringRef name, argument, text; // an empty argument: a switch
  std::string (*take)(CommandLine &out, llvm::StringRef value);
};

struct Command {
  llvm::StringRef name, usage, text;
  std::vector<llvm::StringRef> options;
};

} // namespace

template <typename T>
static std::string takeInteger(T &out, llvm::StringRef value, T least, T most) {
  if (value.getAsInteger(10, out) || out < least || out > most)
    return ("expects a whole number from " + llvm::Twine(least) + " to " + llvm::Twine(most) +
            ", found '" + value + "'")
        .str();
  return "";
}

static llvm::ArrayRef<Option> options() {
  static const Option table[] = {
      {"--data", "NAME", "data set by name, or a file or folder ('dlc data list' shows the names)",
       [](CommandLine &c, llvm::StringRef v) {
         c.data = v.str();
         return std::string();
       }},
      {"--set", "NAME=VALUE",
       "change a setting of the program, as in --set lr=0.01; may be repeated",
       [](CommandLine &c, llvm::StringRef v) {
         auto [name, value] = v.split('=');
         if (name.empty() || value.empty())
           return std::string("expects NAME=VALUE, as in --set epochs=3");
         c.settings.push_back({name.trim().str(), value.str()});
         return std::string();
       }},
      {"--seed", "N", "seed of all random numbers, instead of the program's",
       [](CommandLine &c, llvm::StringRef v) {
         uint64_t seed = 0;
         std::string problem = takeInteger<uint64_t>(seed, v, 0, INT64_MAX);
         c.seed = seed;
         return problem;
       }},
      {"--threads", "N", "number of threads; the results are the same for every number",
       [](CommandLine &c, llvm::StringRef v) { return takeInteger<int>(c.threads, v, 1, 1024); }},
      {"--save", "FILE",
       "keep the training state in FILE (safetensors), at the end and after epochs",
       [](CommandLine &c, llvm::StringRef v) {
         c.save = v.str();
         return std::string();
       }},
      {"--save-every", "N", "save after every N steps as well",
       [](CommandLine &c, llvm::StringRef v) {
         return takeInteger<int64_t>(c.saveEvery, v, 1, INT64_MAX);
       }},
      {"--resume", "FILE", "go on from a saved training state",
       [](CommandLine &c, llvm::StringRef v) {
         c.resume = v.str();
         return std::string();
       }},
      {"--weights", "FILE", "use the parameters that a training saved",
       [](CommandLine &c, llvm::StringRef v) {
         c.weights = v.str();
         return std::string();
       }},
      {"--plot", "FOLDER", "write the report's plots there as SVG",
       [](CommandLine &c, llvm::StringRef v) {
         c.plotFolder = v.str();
         return std::string();
       }},
      {"--precision", "f32|f64|tf32|bf16|f16",
       "what 'f32' in the program means (default f32); tf32, bf16, f16, on a GPU, in products "
       "alone",
       [](CommandLine &c, llvm::StringRef v) {
         c.precision = v.str();
         bool known = llvm::is_contained({"f32", "f64", "tf32", "bf16", "f16"}, v);
         return known ? std::string()
                      : "expects f32, f64, tf32, bf16 or f16, found '" + v.str() + "'";
       }},
      {"--device", "PLACE",
       "where to run: cpu, gpu, gpu:N, or auto ('dlc devices' lists the GPUs); of compile, what to "
       "make "
       "code for: cpu, gpu or cpu,gpu",
       [](CommandLine &c, llvm::StringRef v) {
         c.device = v.str();
         return std::string();
       }},
      {"--gpu-loop", "auto|graph|persistent",
       "how a GPU goes from step to step: graphs of launches, or one kernel that stays (default "
       "auto: what is estimated to be faster)",
       [](CommandLine &c, llvm::StringRef v) {
         c.gpuLoop = v.str();
         return v == "auto" || v == "graph" || v == "persistent"
                    ? std::string()
                    : "expects auto, graph or persistent, found '" + v.str() + "'";
       }},
      {"--autotune", "",
       "measure on the GPU which tiles its products are fastest with, and remember it; the order "
       "of "
       "sums depends on them",
       [](CommandLine &c, llvm::StringRef) {
         c.autotune = true;
         return std::string();
       }},
      {"--target", "NAME",
       "processor: native, avx512, avx2 or portable (default native); a GPU: sm_75 to sm_121; both "
       "with a comma",
       [](CommandLine &c, llvm::StringRef v) {
         c.target = v.str();
         return std::string();
       }},
      {"--emit", "FORM", "show the program as ast, dl, step, kernels, loops, llvm, asm, obj or so",
       [](CommandLine &c, llvm::StringRef v) {
         c.emit = v.str();
         return std::string();
       }},
      {"-o", "FILE", "where to write",
       [](CommandLine &c, llvm::StringRef v) {
         c.output = v.str();
         return std::string();
       }},
      {"--json", "", "one JSON object a line on standard output",
       [](CommandLine &c, llvm::StringRef) {
         c.json = true;
         return std::string();
       }},
      {"--quiet", "", "only the report",
       [](CommandLine &c, llvm::StringRef) {
         c.quiet = true;
         return std::string();
       }},
      {"--help", "", "this text",
       [](CommandLine &c, llvm::StringRef) {
         c.help = true;
         return std::string();
       }},
  };
  return table;
}

static llvm::ArrayRef<Command> commands() {
  static const Command table[] = {
      {"run",
       "dlc run PROGRAM [options]",
       "trains, evaluates and reports",
       {"--data", "--set", "--seed", "--threads", "--save", "--save-every", "--resume", "--plot",
        "--precision", "--device", "--gpu-loop", "--autotune", "--target", "--json", "--quiet"}},
      {"eval",
       "dlc eval PROGRAM --weights FILE [options]",
       "evaluates saved parameters and reports",
       {"--data", "--set", "--threads", "--weights", "--plot", "--precision", "--device",
        "--target", "--json", "--quiet"}},
      {"predict",
       "dlc predict PROGRAM --weights FILE [options] < rows.csv",
       "predicts for rows of raw data",
       {"--data", "--set", "--threads", "--weights", "--precision", "--device", "--target"}},
      {"compile",
       "dlc compile PROGRAM [-o FILE] [options]",
       "makes a shared library that trains, evaluates and predicts by itself",
       {"-o", "--data", "--weights", "--set", "--precision", "--device", "--gpu-loop", "--autotune",
        "--target", "--quiet"}},
      {"check",
       "dlc check PROGRAM [options]",
       "checks names, types and shapes only",
       {"--set", "--precision"}},
      {"bench",
       "dlc bench PROGRAM [options]",
       "measures training steps and their kernels, on made-up rows unless data are named",
       {"--data", "--set", "--threads", "--precision", "--device", "--gpu-loop", "--autotune",
        "--target", "--json"}},
      {"emit",
       "dlc --emit=FORM PROGRAM [options]",
       "shows what the compiler makes of a program",
       {"--emit", "--set", "--precision", "--gpu-loop", "--target", "-o"}},
      {"devices", "dlc devices", "lists the GPUs, and what dlc would compile for each", {}},
      {"data", "dlc data list", "shows which data sets are found, and where", {}},
      {"help", "dlc help [COMMAND]", "explains the commands", {}},
  };
  return table;
}

static const Command *findCommand(llvm::StringRef name) {
  auto found = llvm::find_if(commands(), [&](const Command &c) { return c.name == name; });
  return found == commands().end() ? nullptr : found;
}

static std::string unknownOption(llvm::StringRef name, const Command &command) {
  llvm::SmallVector<llvm::StringRef> known(command.options.begin(), command.options.end());
  known.push_back("--help");
  bool elsewhere = llvm::any_of(options(), [&](const Option &o) { return o.name == name; });
  if (elsewhere)
    return ("'dlc " + command.name + "' has no option '" + name + "'; 'dlc help " + command.name +
            "' lists those it has")
        .str();
  return ("unknown option '" + name + "'" + didYouMean(name, known)).str();
}

static std::string unknownCommand(llvm::StringRef name) {
  llvm::SmallVector<llvm::StringRef> names;
  for (const Command &c : commands())
    names.push_back(c.name);
  std::string hint = didYouMean(name, names);
  if (name.ends_with(".dl") || name.ends_with(".so"))
    hint = (", did you mean 'dlc run " + name + "'?").str();
  return ("unknown command '" + name + "'" + hint + " ('dlc help' lists the commands)").str();
}

std::string dlc::parseCommandLine(llvm::ArrayRef<const char *> arguments, CommandLine &out) {
  std::vector<llvm::StringRef> words(arguments.begin(), arguments.end());
  if (words.empty())
    return "say what to do, as in 'dlc run net.dl'; 'dlc help' lists the commands";
  size_t first = 0;
  if (words[0].starts_with("--emit")) {
    out.command = "emit";
  } else if (words[0] == "--version") {
    out.command = "version";
    return "";
  } else if (words[0] == "--help" || words[0] == "-h") {
    out.command = "help";
    first = 1;
  } else {
    out.command = words[0].str();
    first = 1;
  }
  const Command *command = findCommand(out.command);
  if (!command)
    return unknownCommand(out.command);
  for (size_t i = first; i < words.size(); ++i) {
    llvm::StringRef word = words[i] == "-h" ? "--help" : words[i];
    if (!word.starts_with("-") || word == "-") {
      out.operands.push_back(word.str());
      continue;
    }
    auto [name, value] = word.split('=');
    bool joined = word.contains('=');
    auto option = llvm::find_if(options(), [&, n = name](const Option &o) { return o.name == n; });
    bool fits = option != options().end() &&
                (name == "--help" || llvm::is_contained(command->options, name));
    if (!fits)
      return unknownOption(name, *command);
    if (!option->argument.empty() && !joined) {
      if (i + 1 == words.size())
        return ("'" + name + "' needs a value: " + name + " " + option->argument).str();
      value = words[++i];
    }
    if (!option->argument.empty() && value.empty())
      return ("'" + name + "' needs a value: " + name + " " + option->argument).str();
    if (option->argument.empty() && joined)
      return ("'" + name + "' takes no value").str();
    if (std::string problem = option->take(out, value); !problem.empty())
      return ("'" + name + "' " + problem).str();
    out.given.push_back(name.str());
  }
  if (out.command == "help" && !out.operands.empty() && !findCommand(out.operands[0]))
    return unknownCommand(out.operands[0]);
  if (out.saveEvery > 0 && out.save.empty())
    return "'--save-every' says how often; name the file with --save FILE";
  if (out.command == "data" && !out.help && out.operands != std::vector<std::string>{"list"})
    return "'data' is for its list: dlc data list";
  bool takesProgram = out.command != "data" && out.command != "help" && out.command != "devices";
  if (out.command == "devices" && !out.operands.empty())
    return "'devices' takes nothing: dlc devices";
  if (takesProgram && !out.help && out.operands.size() != 1)
    return out.operands.empty() ? "'" + out.command + "' needs a program: " + command->usage.str()
                                : "'" + out.command + "' takes one program, found '" +
                                      out.operands[0] + "' and '" + out.operands[1] + "'";
  return "";
}

std::string dlc::helpText(llvm::StringRef name) {
  std::string text;
  const Command *command = findCommand(name);
  if (!command && !name.empty())
    return text;
  if (!command) {
    text = "dlc: a compiler and runtime for neural networks\n\n";
    for (const Command &c : commands())
      text += "  " + llvm::StringRef(c.usage).str() + "\n      " + c.text.str() + "\n";
    return text + "\n'dlc help COMMAND' lists a command's options.\n";
  }
  text = command->usage.str() + "\n  " + command->text.str() + "\n";
  for (llvm::StringRef name : command->options) {
    const Option &option =
        *llvm::find_if(options(), [&](const Option &o) { return o.name == name; });
    std::string head = (option.name + (option.argument.empty() ? "" : " ") + option.argument).str();
    head.resize(std::max<size_t>(head.size() + 1, 20), ' ');
    text += "  " + head + option.text.str() + "\n";
  }
  return text;
}
