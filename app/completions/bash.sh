# SPDX-License-Identifier: BSD-3-Clause
_@P@() {
    local found='' kept='' files='' before word choice line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[!=:]/}
    # Not ${COMP_WORDS[@]}: there KEY=VALUE and PCI addresses are in pieces.
    read -ra before <<<"$line"
    [[ $line != *[[:blank:]] ]] || before+=('')
    word=${before[${#before[@]} - 1]}
    before=("${before[@]:1:${#before[@]}-2}")
    COMPREPLY=()
    _@P@_choices "$word"
    while IFS= read -r choice; do
        [[ -z $choice || $kept$choice != "$word"* ]] || COMPREPLY+=("$kept$choice")
    done <<<"$found"
    if [[ -n $files ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r choice; do
            COMPREPLY+=("$kept$choice")
        done < <(compgen -f -- "${word#"$kept"}")
    fi
    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
    # Only what stands behind the last of these is replaced.
    [[ -z $breaks ]] || COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*["$breaks"]}"}"}")
}
complete -F _@P@ @P@
