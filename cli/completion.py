"""`bornnet completion`: what a shell needs to complete commands, options and names."""

import click
from click.shell_completion import get_completion_class

from .options import Name

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=Name(_SHELLS), metavar="SHELL")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL (bash, zsh or fish) complete bornnet's commands and options.

    \b
    Examples, each for the file that your shell reads when it starts:
      bash:  eval "$(bornnet completion bash)"    in ~/.bashrc
      zsh:   eval "$(bornnet completion zsh)"     in ~/.zshrc
      fish:  bornnet completion fish > ~/.config/fish/completions/bornnet.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "bornnet", "_BORNNET_COMPLETE").source())
