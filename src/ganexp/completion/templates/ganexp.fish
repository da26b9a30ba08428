# Tab completion of ganexp in fish: ganexp completion fish | source
function __ganexp_answers
    set -l words (commandline --tokenize --cut-at-cursor --current-process) (commandline --current-token --cut-at-cursor)
    # fish adds the space itself, except after = . and /.
    $argv completion fish (string join \n -- $words | string collect) 2>/dev/null | string replace --regex ' ?\t' \t
end

function __ganexp_is_module
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    test (count $words) -ge 3; and test "$words[2] $words[3]" = "-m ganexp"
end

complete --command ganexp --no-files --arguments '(__ganexp_answers (commandline --tokenize --current-process)[1])'
for python in python python3
    complete --command $python --condition __ganexp_is_module --no-files \
        --arguments '(__ganexp_answers (commandline --tokenize --current-process)[1] -m ganexp)'
end
