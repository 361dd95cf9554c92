# SPDX-License-Identifier: BSD-3-Clause
_@P@() {
    local found='' kept='' files='' ret=1
    local -a before whole open
    before=("${(@)words[2,CURRENT-1]}")
    _@P@_choices "$PREFIX"
    [[ -z $kept ]] || compset -P "${(b)kept}"
    whole=(${(f)found})
    # KEY= goes on in the same word.
    open=(${(M)whole:#*=})
    whole=(${whole:#*=})
    (( ! $#open )) || compadd -S '' -a open && ret=0
    (( ! $#whole )) || compadd -a whole && ret=0
    [[ -z $files ]] || _files && ret=0
    return ret
}
_@P@ "$@"
