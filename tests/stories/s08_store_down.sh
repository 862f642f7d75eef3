# S8. The object store goes away in mid-run: everything is kept, one command completes it.
. "$STORIES/lib.sh"

# names that differ from run to run, and counts that differ from version to version
named() { sed -E -e "s#$STORE#s3://plans#g" -e 's/[0-9]+ of [0-9]+ files/M of N files/' -e '/^  = /d' -e 's/^([0-9]+) of \1 stages/all stages/'; }

run dyocense init papers --template newsvendor
cd papers || exit 1
export DYOCENSE_STORE="$STORE?endpoint=$DYOCENSE_S3_ENDPOINT" DYOCENSE_GRAPH=none
unset DYOCENSE_S3_ENDPOINT

say 'the server stops answering in the middle of the upload'
touch "$DOOR"
run dyocense plan goals/papers.yaml --quiet | named

say 'the run is whole here and verifies; nothing names it there'
run dyocense evidence verify | named

say 'the server is back; push sends what is missing, the manifest last, and a second push sends nothing'
rm "$DOOR"
run dyocense runs push @last | named
run dyocense runs push @last | named

say 'on another machine: fetch, verify, replay'
rm -r runs
run dyocense runs pull @last | named
run dyocense replay @last | named
