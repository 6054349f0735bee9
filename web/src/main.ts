import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { store } from "./data/maps.svelte";
import { Embedded } from "./data/source";

const source = new Embedded();
store.source = source;
const target = document.getElementById("page")!;
source.values().then(
  (values) => mount(App, { target, props: { values } }),
  (error: Error) => (target.textContent = error.message),
);
