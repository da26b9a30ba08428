# Tab completion of ganexp in bash: eval "$(ganexp completion bash)"
_ganexp_answers() {
    local answer
    compopt -o nospace 2>/dev/null
    while IFS= read -r answer; do
        [[ -n $answer ]] && COMPREPLY+=("$answer")
    done < <(GANEXP_WORD_BREAKS=$COMP_WORDBREAKS "$@" completion bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}

_ganexp() {
    COMPREPLY=()
    _ganexp_answers "${1/#\~/$HOME}"
}

# Completes python -m ganexp; for everything else there is what completed python before, or the names of files.
_ganexp_python() {
    COMPREPLY=()
    if [[ ${COMP_LINE:0:COMP_POINT} =~ ^[^[:space:]]+[[:space:]]+-m[[:space:]]+ganexp[[:space:]] ]]; then
        _ganexp_answers "${1/#\~/$HOME}" -m ganexp
    elif declare -F _python >/dev/null; then
        _python "$@"
    fi
}

complete -o bashdefault -o default -F _ganexp ganexp
complete -o bashdefault -o default -F _ganexp_python python python3
