_NAME() {
    local rest=${COMP_LINE:0:COMP_POINT} words=() gap part word reply i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        gap=${rest%%[![:space:]]*}
        rest=${rest#"$gap"}
        part=${COMP_WORDS[i]}
        ((i < COMP_CWORD)) || part=$rest
        rest=${rest#"$part"}
        if ((i > 0)) && [[ -z $gap ]]; then
            words[-1]+=$part
        else
            words+=("$part")
        fi
    done
    word=${words[-1]}
    local quote=
    [[ $word == [\"\']* ]] && quote=${word:0:1} word=${word:1}
    words[-1]=$word
    # What readline leaves in place.
    local before=${word%"$2"}
    COMPREPLY=()
    while IFS= read -r reply || [[ $reply ]]; do
        [[ $quote ]] || printf -v reply %q "$reply"
        COMPREPLY+=("${reply#"$before"}")
    done < <(_CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) VARIABLE=bash \
        NAME -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -o default -o nosort -F _NAME NAME
