#!/usr/bin/env bash
# Neo4j Community with Bolt and a password, on loopback: its Maven artifact inside a small Java main. neo4j.sh up|down
. "$(dirname "$0")/lib.sh"

PORT=${DYOCENSE_NEO4J_PORT:-57687}
PASSWORD=${DYOCENSE_NEO4J_PASSWORD:-dyocense-test}
DIR=$STATE/neo4j
SOURCE=$SERVICES_ROOT/neo4j

resolve_jars() {
  cmp -s "$SOURCE/pom.xml" "$DIR/pom.xml" && [ -s "$DIR/classpath" ] && return 0
  say "fetching Neo4j (128 MB, once)"
  cp "$SOURCE/pom.xml" "$DIR/pom.xml"
  (cd "$DIR" && mvn -q -B dependency:build-classpath -Dmdep.outputFile=classpath) >"$DIR/maven.log" 2>&1 || {
    rm -f "$DIR/pom.xml"
    fail "could not fetch Neo4j" "$DIR/maven.log"
  }
}

start_server() {
  local jars
  jars=$(cat "$DIR/classpath")
  javac -cp "$jars" -d "$DIR/classes" "$SOURCE/BoltServer.java"
  cat >"$DIR/neo4j.conf" <<CONF
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:$PORT
dbms.security.auth_enabled=true
dbms.usage_report.enabled=false
server.memory.pagecache.size=64m
CONF
  rm -f "$DIR/log"
  launch "$DIR" java -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED \
    -cp "$DIR/classes:$jars" BoltServer "$DIR/home" "$DIR/neo4j.conf" "$PASSWORD"
}

up() {
  need_package "$(command -v javac || echo /usr/bin/javac)" default-jdk-headless
  need_package "$(command -v mvn || echo /usr/bin/mvn)" maven
  mkdir -p "$DIR/classes"
  resolve_jars
  running "$DIR" || start_server
  until_true 120 grep -q '^ready' "$DIR/log" || fail "Neo4j did not start" "$DIR/log"
  echo "export DYOCENSE_NEO4J_URL=bolt://127.0.0.1:$PORT"
  echo "export DYOCENSE_NEO4J_USER=neo4j"
  echo "export DYOCENSE_NEO4J_PASSWORD=$PASSWORD"
}

down() { stop_service "$DIR"; }

"${1:-up}"
