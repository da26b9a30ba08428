#compdef ganexp
# Tab completion of ganexp in zsh: eval "$(ganexp completion zsh)"
_ganexp_answers() {
    local answer text
    local -a finished unfinished finished_shown unfinished_shown
    local typed=${(F)${(@)words[1,CURRENT-1]}}$'\n'$PREFIX
    for answer in "${(@f)$("$@" completion zsh $typed 2>/dev/null)}"; do
        text=${answer%%$'\t'*}
        [[ -z $text ]] && continue
        if [[ $text == *' ' ]]; then
            finished+=("${text% }")
            finished_shown+=("${text% }${${answer#*$'\t'}:+  ${answer#*$'\t'}}")
        else
            unfinished+=("$text")
            unfinished_shown+=("$text${${answer#*$'\t'}:+  ${answer#*$'\t'}}")
        fi
    done
    (( $#finished )) && compadd -l -d finished_shown -- "${(@)finished}"
    (( $#unfinished )) && compadd -S '' -d unfinished_shown -- "${(@)unfinished}"
    return $(( $#finished + $#unfinished == 0 ))
}

_ganexp() {
    _ganexp_answers ${~words[1]}
}

# Completes python -m ganexp; for everything else there is what zsh has for python.
_ganexp_python() {
    if (( CURRENT > 3 )) && [[ $words[2] == -m && $words[3] == ganexp ]]; then
        _ganexp_answers ${~words[1]} -m ganexp
    elif (( $+functions[_python] )); then
        _python "$@"
    else
        _default
    fi
}

compdef _ganexp ganexp
compdef _ganexp_python python python3
