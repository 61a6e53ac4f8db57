/** `rediff completion SHELL`: a script that completes commands, options and their choices, made of the commands themselves. */
import { Argument, Command } from "commander";
import { begin } from "../exit-status.js";
import { answerLine } from "../terminal/lines.js";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

const HELP = `
Examples:
  $ echo 'source <(rediff completion bash)' >> ~/.bashrc
  $ echo 'source <(rediff completion zsh)' >> ~/.zshrc
  $ rediff completion fish > ~/.config/fish/completions/rediff.fish
`;

/** @param root gives the whole tree of commands once it is built */
export function completionCommand(root: () => Command): Command {
  return new Command("completion")
    .description("print a script that completes commands and options in a shell")
    .addArgument(new Argument("<SHELL>", "which shell").choices(shells))
    .addHelpText("after", HELP)
    .action((shell: Shell) => {
      begin();
      answerLine(completionScript(shell, root()));
    });
}

/** What may follow a command's words. */
interface Place {
  /** `data prepare`; "" for the program. */
  path: string;
  words: readonly string[];
  /** By option: its choices; none where a file may follow. */
  choices: readonly (readonly [string, readonly string[]])[];
}

export function completionScript(shell: Shell, root: Command): string {
  const all = places(root, []);
  return shell === "fish" ? fishScript(all) : bashScript(all, shell);
}

function places(command: Command, path: readonly string[]): Place[] {
  const below = command.commands.filter((each) => each.name() !== "help");
  const named = command.options.flatMap(({ long, argChoices }) => (long ? [{ long, argChoices }] : []));
  const place = {
    path: path.join(" "),
    words: [
      ...below.map((each) => each.name()),
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      ...named.map(({ long }) => long),
      "--help",
    ],
    choices: named.flatMap(({ long, argChoices }) => (argChoices ? [[long, argChoices] as const] : [])),
  };
  return [place, ...below.flatMap((each) => places(each, [...path, each.name()]))];
}

/** Words of commands are letters, digits and dashes: nothing that a shell reads otherwise. */
function bashScript(all: readonly Place[], shell: Shell): string {
  const cases = all.map(({ path, words }) => `    "${path}") words="${words.join(" ")}" ;;`);
  const choices = all.flatMap((place) =>
    place.choices.map(([option, values]) => `    "${place.path}|${option}") words="${values.join(" ")}"; only=1 ;;`),
  );
  return `# Completion of rediff for ${shell}.
${shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : ""}_rediff_words() {
  case "$1" in
${cases.join("\n")}
    *) words="" ;;
  esac
}
_rediff_complete() {
  local path="" words="" only="" next word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    next="\${path:+$path }$word"
    _rediff_words "$next"
    if [ -n "$words" ]; then path="$next"; fi
  done
  _rediff_words "$path"
  case "$path|\${COMP_WORDS[COMP_CWORD-1]}" in
${choices.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  # Where none of the words fits, files do.
  if [ \${#COMPREPLY[@]} -eq 0 ] && [ -z "$only" ]; then COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")); fi
}
complete -o filenames -F _rediff_complete rediff`;
}

function fishScript(all: readonly Place[]): string {
  const lines = all.flatMap(({ path, words, choices }) => {
    const given = path.split(" ").filter(Boolean);
    const here =
      given.length === 0
        ? "__fish_use_subcommand"
        : given.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    const options = new Map(choices);
    return words.map((word) => {
      if (!word.startsWith("--")) return `complete -c rediff -n '${here}' -a ${word}`;
      const values = options.get(word);
      return `complete -c rediff -n '${here}' -l ${word.slice(2)}${values ? ` -x -a '${values.join(" ")}'` : ""}`;
    });
  });
  return ["# Completion of rediff for fish.", ...lines].join("\n");
}
