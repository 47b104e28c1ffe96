// LocalStack's Kinesis is a Node program that listens on every address of the machine, whatever LocalStack is told.
const { Server } = require("node:net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (port, ...rest) {
  const everywhere = typeof port === "number" || typeof port === "string" ? { port: Number(port) } : port;
  const asked = typeof rest[0] === "string" ? rest.slice(1) : rest;
  return listen.call(this, everywhere?.port === undefined ? port : { ...everywhere, host: "127.0.0.1" }, ...asked);
};
